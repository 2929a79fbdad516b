echo NOT set TRAIN_MODEL_NAME=stable-diffusion-v1-5-my-lora-6
echo NOT set PRETRAINED_MODE=E:\training\models\Stable-diffusion\stable-diffusion-v1-5

set TRAIN_MODEL_NAME=anything-v5-my-lora-1
set PRETRAINED_MODE=E:\training\AnythingV5

set TRAIN_MODEL_FORMAT=safetensors
accelerate launch --num_cpu_threads_per_process 1 ^
    E:\training\sd-scripts\train_network.py ^
    --pretrained_model_name_or_path=%PRETRAINED_MODE% ^
    --dataset_config=E:\training\my_style\my_style.toml ^
    --output_dir=E:\training\my_style\trained_model ^
    --output_name=%TRAIN_MODEL_NAME% ^
    --save_model_as=%TRAIN_MODEL_FORMAT% ^
    --prior_loss_weight=1.0 ^
    --max_train_steps=1000 ^
    --learning_rate=1e-4 ^
    --optimizer_type="AdamW8bit" ^
    --xformers ^
    --mixed_precision="fp16" ^
    --cache_latents ^
    --gradient_checkpointing ^
    --save_every_n_epochs=1  ^
    --network_module=networks.lora ^
