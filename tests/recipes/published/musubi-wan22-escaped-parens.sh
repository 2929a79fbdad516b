/usr/bin/python wan_train_network.py \
--dit "/home/user/models/diffusion_models/wan2.2_i2v_low_noise_14B_fp8_scaled.safetensors" \
--dataset_config dataset_config.toml \
--flash_attn --mixed_precision fp16 --optimizer_type came_pytorch.CAME --lr_scheduler constant_with_warmup \
--optimizer_args weight_decay=0.01 eps=\(1e-30,1e-16\) betas=\(0.9,0.999,0.9999\) --learning_rate 2e-5 \
--gradient_checkpointing --max_data_loader_n_workers 16 --persistent_data_loader_workers \
--network_module=networks.lora_wan --network_dim=16 --network_alpha=16 --timestep_sampling shift \
--discrete_flow_shift 3.0 --gradient_accumulation_steps 1 --max_train_steps 2400 --save_every_n_epochs=1 \
--seed 032424 --output_dir ./my_lora --output_name my_lora --blocks_to_swap 28 --log_with tensorboard \
--logging_dir ./logs --save_state_on_train_end --fp8_base --lr_warmup_steps 100 --network_args loraplus_lr_ratio=4 \
--network_dropout 0.05  --mixed_precision_transformer \
--preserve_distribution_shape --min_timestep 875 --max_timestep 1000 --rope_func comfy \
--optimized_compile --fp8_scaled
#--upcast_quantization --upcast_linear 
