accelerate launch --num_cpu_threads_per_process=8 "./sdxl_train_network.py" ^
  --pretrained_model_name_or_path="C:/models/realistic_sdxl_merge.safetensors" --train_data_dir="C:/lora/img" --resolution="1024,1024" ^
  --enable_bucket --min_bucket_reso=256 --max_bucket_reso=2048 --dataset_repeats=8 --output_dir="C:/lora/model" --output_name="d3_local" ^
  --network_module=networks.lora --network_dim=64 --network_alpha=1 --network_dropout=0.25 ^
  --network_args rank_dropout=0.25 module_dropout=0.05 --learning_rate=1.0 --unet_lr=1.0 --text_encoder_lr=1.0 ^
  --lr_scheduler=cosine_with_restarts --lr_scheduler_num_cycles=1 --lr_warmup_steps=0.1 --train_batch_size=1 --max_train_epochs=10 --save_every_n_epochs=1 ^
  --optimizer_type=DAdaptAdamPreprint --optimizer_args decouple=True weight_decay=0.2 "betas=(0.9,0.99)" growth_rate=1.02 ^
  --caption_extension=.txt --shuffle_caption --keep_tokens=0 --noise_offset=0.0357 --adaptive_noise_scale=0.00357 ^
  --gradient_checkpointing --mixed_precision=bf16 --save_precision=fp16 --seed=0 --xformers --max_data_loader_n_workers=0
